"""A network or stored predictions against labels: pooled metrics, per-image scores, intervals of differences."""
