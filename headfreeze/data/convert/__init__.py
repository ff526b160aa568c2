"""`headfreeze data convert`: any published data set becomes the folder format, or packed shards of it."""

from headfreeze.data.convert.convert import Choice, Conversion, convert
from headfreeze.data.convert.manifest import verify

__all__ = ["Choice", "Conversion", "convert", "verify"]
