"""Public helpers for tests of a recorder, and of a new platform's back-end.

testing.virtual        whole takes on a virtual clock, from synthetic devices or scripts
testing.memory_writer  a writer that keeps the take and tolerates nothing
testing.conformance    `check_source`: what every source of every platform must do
testing.playbook       `>> event << effect` scripts for pure state machines
"""
