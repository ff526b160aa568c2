"""The report of a comparison: one HTML file that needs nothing else, and the figures beside it."""

from headfreeze.comparison.report.watch import watch_report as watch_report
from headfreeze.comparison.report.write import write_report as write_report
