"""`headfreeze data check`: what datasets hold, what is wrong with them, label statistics, contact sheets."""

from headfreeze.data.check.report import check_datasets as check_datasets
