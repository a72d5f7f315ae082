"""Why a transaction is out of the ordinary: rules, the whitelist, and the file that holds their figures."""
