"""What a run changes before it deploys: image, variables, settings, commit, a new application."""
