from typing import get_args

from optuna.trial import TrialState

from search.study.states import FINAL_STATES, StateName


def test_the_states_and_the_final_states_are_those_of_optuna() -> None:
    assert set(get_args(StateName)) == {state.name for state in TrialState}
    assert set(FINAL_STATES) == {state.name for state in TrialState if state.is_finished()}
