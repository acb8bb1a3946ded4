"""The style of ``report.html``: readable on a phone, in the dark and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --line: #8884;
  --good: #1a7f37; --bad: #cf222e; --unsure: #9a6700; --off: #6e7781 }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 }
main { max-width: 68rem; margin: auto; padding: 1.5rem }
header { border-left: .4rem solid var(--off); padding: .1rem 1.2rem }
header.passed { border-color: var(--good) } header.failed, header.error { border-color: var(--bad) }
h1 { font-size: 1.6rem; margin: .4rem 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line) }
th { font-weight: 600; font-size: .85rem } td:first-child { white-space: nowrap }
.badge { color: #fff; background: var(--off);
  border-radius: .8rem; padding: 0 .6rem; font-size: .8rem; font-weight: 600 }
.badge.passed { background: var(--good) } .badge.failed, .badge.error { background: var(--bad) }
.badge.inconclusive { background: var(--unsure) }
.number { white-space: nowrap }
.quiet { opacity: .7; font-size: .9rem } code { font-size: .85rem; overflow-wrap: anywhere }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem } svg { display: block }
@media print { details { display: none } }
"""
