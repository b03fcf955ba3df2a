"""The inputs of Coolify: declared, parsed, and checked against each other."""
