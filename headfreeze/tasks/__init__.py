"""What can be predicted for an image: label types and their geometry, losses, metrics, decoding, pictures, files."""
