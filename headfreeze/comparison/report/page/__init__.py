"""The page itself: a template, its style and its script, put together into one file."""

from headfreeze.comparison.report.page.render import EXAMPLES as EXAMPLES
from headfreeze.comparison.report.page.render import rendered as rendered
