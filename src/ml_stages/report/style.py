"""The style of ``report.html``: readable on a phone, in the dark and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --line: #8884;
  --good: #1a7f37; --bad: #cf222e; --unsure: #9a6700; --off: #6e7781 }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 }
main { max-width: 76rem; margin: auto; padding: 1.5rem }
header { border-left: .4rem solid var(--off); padding: .1rem 1.2rem; overflow-wrap: anywhere }
header.passed { border-color: var(--good) } header.failed, header.error { border-color: var(--bad) }
header ul { padding-left: 1.2rem }
h1 { font-size: 1.6rem; margin: .4rem 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem }
.numbers { overflow: auto; max-height: 60rem } .text { overflow-x: auto } table { border-collapse: collapse }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line) }
th { font-weight: 600; font-size: .85rem; white-space: nowrap }
.numbers th { position: sticky; top: 0; z-index: 2; background: Canvas }
.numbers td:first-child { position: sticky; left: 0; z-index: 1; background: Canvas }
td:last-child { min-width: 14rem; overflow-wrap: anywhere }
.name { min-width: 10rem; max-width: 22rem; overflow-wrap: anywhere } small { display: block; opacity: .7 }
.badge { color: #fff; background: var(--off); white-space: nowrap;
  border-radius: .8rem; padding: 0 .6rem; font-size: .8rem; font-weight: 600 }
.badge.passed { background: var(--good) } .badge.failed, .badge.error { background: var(--bad) }
.badge.inconclusive { background: var(--unsure) }
.number { white-space: nowrap; font-variant-numeric: tabular-nums }
.quiet { opacity: .7; font-size: .9rem } code { font-size: .85rem; overflow-wrap: anywhere }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem }
svg { display: block; margin-top: .2rem } .plot { font-size: .7rem; fill: currentColor; max-width: 100% }
.plot path { stroke: currentColor; fill: none; stroke-width: 2; opacity: .6 }
.plot .axes { stroke-width: 1; opacity: .3 } .allowed { fill: var(--good); opacity: .25 }
@media (max-width: 40rem) { main { padding: 1rem .8rem }
  .numbers td:first-child { position: static } .numbers .name { min-width: 5rem; max-width: 11rem }
  .text thead { display: none } .text tr { display: block; padding: .5rem 0;
  border-bottom: 1px solid var(--line) }
  .text td { display: block; border: 0; padding: .1rem 0 } .text td:empty { display: none }
  .text .name { max-width: none; font-weight: 600 } }
@media print { details { display: none } .numbers { max-height: none; overflow: visible } }
"""
