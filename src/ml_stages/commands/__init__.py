"""Commands that stand beside the run: a module each, whose ``add(commands)`` makes the subcommand.

The modules themselves import the light core alone; what is heavy is imported by the call.
"""

from ml_stages.commands import config, holdout_size, plan

COMMANDS = (plan, config, holdout_size)
