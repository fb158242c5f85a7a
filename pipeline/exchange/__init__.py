"""The prepared corpus in the forms that other tools read: rows, audio, formats, cards."""

NOTE = "export.json"  # in every export: what it is of
