"""The network: a timm backbone, an FPN decoder, one output per task; what its head is and how it freezes."""
