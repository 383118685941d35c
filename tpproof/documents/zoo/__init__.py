"""The pages of the zoo, in Markdown, and their index."""
