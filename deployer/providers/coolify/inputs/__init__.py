"""The inputs of Coolify: declared, parsed, checked against each other."""
