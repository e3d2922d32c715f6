"""工单: one open ticket per rule × resource × responsible body, from exactly the failing rows to the source's correction.

    failing rows ─ opening ─► ticket (rows, evidence, due date) ─ acts ─► body corrects at the source, delivers again
         ▲                                                                      │
         └────────── reopened: the old value is back ◄── settle: after each batch ──► 待复核 ─ a person confirms ─► 已关闭

- `states` pure: what a ticket is follows from its rows and the acts on it
- keys and values of rows are in the lake (`tickets/<resource>/<ticket>.<batch>/`), encrypted; tables hold row numbers and states
"""
