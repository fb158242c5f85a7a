"""`lid ablate`: a grid of parameters, each cell an experiment of DVC, compared on the same speakers and seeds."""
