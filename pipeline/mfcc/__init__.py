"""MFCCs: the arrays of a kernel, and the frames of a stream and of a recording that they give."""
