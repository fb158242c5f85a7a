"""The result to hand in: one archive of the report, the models, a script that tests them, and the code."""
