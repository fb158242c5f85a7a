"""The recurrent network: its definition, its forms, the division of an ensemble."""
