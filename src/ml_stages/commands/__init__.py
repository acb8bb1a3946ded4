"""Commands beside the run: a module each, whose ``add(commands)`` makes a subcommand or widens a stage's.

The modules themselves import the light core alone; what is heavy is imported by the call.
"""

from ml_stages.commands import config, drift, holdout_size, init, plan, probe, verify

COMMANDS = (plan, config, init, drift, holdout_size, probe, verify)
