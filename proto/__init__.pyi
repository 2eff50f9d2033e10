# For type checkers only: an __init__.py here would hide the package `proto` of Google's clients.
