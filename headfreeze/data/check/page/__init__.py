"""The page of `headfreeze data check`: the table, what is wrong, how two datasets differ, the contact sheets."""

from headfreeze.data.check.page.render import write_page as write_page
