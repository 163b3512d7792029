"""The whole story, told through the public interfaces alone: commands, files and HTTP."""
