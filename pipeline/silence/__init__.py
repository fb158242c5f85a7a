"""Speech and silence: SoX's rule, spans on the timeline, the program itself, the detector of a stream."""
