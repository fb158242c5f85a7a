"""The prepared corpus in the forms that other tools read: rows, audio, formats, cards."""
