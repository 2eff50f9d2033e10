"""Views of evaluations, in notebooks, files and browsers."""
