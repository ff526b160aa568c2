"""Images and labels on their way to the network: the folder format, transforms, the two-domain loader."""
