"""The full chain: two queues, two routes, and services that know nothing of versions, in 3 ways."""
