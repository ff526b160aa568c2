"""One phase of training: its loop, its losses' weights, its checkpoints, and the store of finished phases."""
