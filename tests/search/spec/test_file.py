from pathlib import Path

import pytest
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from models.families import FAMILIES
from models.spec import Value
from search.passwords import without_password
from search.spec.built_in import further_searches
from search.spec.file import SearchSpec, load, parse
from search.spec.sampler_section import Random
from search.spec.scheduler_section import FullBudget
from search.spec.sections import read_duration, write_duration

TOY = ToyFamily()
GRID = "[sampler]\nkind = 'grid'\n[space]\nonly = true\n"


@pytest.mark.parametrize("family", FAMILIES)
def test_each_default_search_is_complete_and_round_trips(family: str) -> None:
    search = load(family)
    assert search.name == search.family == family
    assert len(search.space.searched) > 5
    assert search.prior
    for point in search.prior:
        FAMILIES[family].spec_type.from_values(search.space.values(point))
    assert parse(search.to_toml(), "printed") == search


@pytest.mark.parametrize("name", further_searches())
def test_each_further_built_in_search_is_complete_and_round_trips(name: str) -> None:
    search = load(name)
    assert search.name == name
    assert len(search.space.searched) > 5
    for point in search.prior:
        values = search.space.values(point)
        FAMILIES[search.family].spec_type.from_values(values)
        assert set(search.space.searched) <= set(point) | {"layers"}, "all settings of the first point are fixed"
    assert parse(search.to_toml(), "printed") == search


def test_the_default_composer_search_has_every_axis_of_the_paper_and_more_important_ones() -> None:
    searched = load("composer").space.searched
    axes = ["cell", "layers", "size", "dropout", "optimiser", "lr", "length", "batch_size", "beat", "transpose"]
    more = ["head", "input", "embedding", "augment", "weight_decay", "schedule", "copying_own_loss", "copying_units"]
    assert set(axes + more) <= set(searched)


def test_a_setting_that_did_not_exist_when_a_search_was_stored_has_its_earlier_value() -> None:
    stored = load("composer").to_toml()
    before = "\n".join(line for line in stored.splitlines() if not line.startswith("copying"))
    assert before != stored
    assert parse(stored, "stored", stored=True) == load("composer")
    assert parse(before, "stored", stored=True).space.values({})["copying"] == "off"
    assert parse(before, "a file of today").space.domains["copying"] == load("composer").space.domains["copying"]


def test_keys_missing_from_a_file_are_taken_from_the_built_in_search(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[budget]\ntrials = 7\ntime = "1h"\n[space]\nsize = 64\n')
    search = load(path)
    built_in = load("composer")
    assert (search.name, search.budget.trials, search.budget.time) == ("mine", 7, 3600)
    assert search.budget.epochs == built_in.budget.epochs
    assert search.space.domains["size"].to_toml() == "64"
    assert search.space.domains["lr"] == built_in.space.domains["lr"]
    assert all("size" not in point for point in search.prior)


def test_an_empty_file_is_the_built_in_search() -> None:
    assert parse("", "empty.toml") == load("composer")


def test_the_toy_search_round_trips() -> None:
    search = parse(TOY_SEARCH, "toy.toml", family=TOY)
    assert parse(search.to_toml(), "again", family=TOY) == search
    assert search.prior == ({"solver": "gradient", "lr": 0.1},)


def test_a_storage_round_trips_with_its_options() -> None:
    url = "s3://bucket/prefix?endpoint_override=127.0.0.1:9000&region=eu&scheme=http"
    search = parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={"storage.url": url})
    assert parse(search.to_toml(), "again", family=TOY).storage.url == url


def test_the_command_line_takes_precedence() -> None:
    search = load("composer", overrides={"name": "other", "budget.trials": 3, "budget.time": "none", "space.size": 32})
    assert (search.name, search.budget.trials, search.budget.time) == ("other", 3, None)
    assert "size" not in search.space.searched


def test_the_command_line_takes_precedence_over_a_prior_point() -> None:
    text = "[space]\nsize = { low = 32, high = 64 }\nonly = true\nlr = [1e-3, 2e-3]\n[[prior]]\nsize = 48\nlr = 1e-3\n"
    assert parse(text, "s.toml").prior == ({"size": 48, "lr": 1e-3},)
    assert parse(text, "s.toml", overrides={"space.size": 96}).prior == ({"lr": 1e-3},)
    assert load("composer-hour", overrides={"space.optimiser": "sgd"}).prior, "settings without effect are left out"


def test_with_only_the_file_lists_all_searched_settings() -> None:
    text = "[space]\nonly = true\nlayers = 2\ncopying = 'off'\nlr = { low = 1e-3, high = 1e-2, log = true }\n"
    space = parse(text, "s.toml").space
    assert space.searched == ("lr",)
    family = FAMILIES["composer"].spec_type
    changed = {name: value for name, value in space.values({"lr": 0.003}).items() if value != family.defaults()[name]}
    assert changed == {"layers": 2, "copying": "off", "epochs": 8}
    assert len(parse(text.replace("true", "false"), "s.toml").space.searched) > 5


def test_only_round_trips() -> None:
    search = parse("[space]\nonly = true\nsize = [32, 64]\n", "s.toml")
    assert "only = true" in search.to_toml()
    assert parse(search.to_toml(), "printed") == search
    assert parse(search.to_toml(), "stored", stored=True) == search
    assert "only" not in load("composer").to_toml().partition("[space]")[2].partition("\n#")[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_setting_has_the_name_of_the_key_only(family: str) -> None:
    assert "only" not in FAMILIES[family].spec_type.settings()


@pytest.mark.parametrize("sampler", ["kind = 'random'", "kind = 'points'\n[[prior]]\nsize = 32"])
def test_a_search_with_any_sampler_may_converge(sampler: str) -> None:
    text = f"[space]\nonly = true\nsize = [32, 64]\n[budget]\nstop = 'converged'\n[sampler]\n{sampler}\n"
    assert parse(text, "s.toml").budget.stop == "converged"


def test_the_budget_sets_the_epochs() -> None:
    assert load("composer", overrides={"budget.epochs": 17}).space.values({})["epochs"] == 17


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 'a b'\n", r"a search's name is .* got 'a b' \(s.toml line 1\)"),
        ("name = '../x'\n", "a search's name is"),
        ("name = '-x'\n", "a search's name is"),
        ("name = ''\n", "a search's name is"),
        (f"name = '{'x' * 65}'\n", "a search's name is"),
        ("name = 3\n", r"name is a word in quotes: got 3 \(s.toml line 1\)"),
        ("name = \n", "a search file is TOML: s.toml is not, invalid value \\(at line 1, column 8\\)"),
        ("\nfamly = 'composer'\n", r"no key is called 'famly' \(s.toml line 2\); did you mean 'family'"),
        ("family = 'compser'\n", r"no family is called 'compser' \(s.toml line 1\); did you mean 'composer'"),
        ("[budjet]\n", r"no key is called 'budjet' \(s.toml line 1\); did you mean 'budget'"),
        ("budget = 3\n", r"budget is a table, written \[budget\]: got 3 \(s.toml line 1\)"),
        ("[budget]\n\ntrails = 3\n", r"no key is called 'trails' \(\[budget\], s.toml line 3\); did you mean 'trials'"),
        ("[budget]\ntrials = 0\n", r"budget.trials = 0 is not legal: should be greater than .* 1 \(s.toml line 2\)"),
        ("[budget]\ntrials = 'x'\n", r"budget.trials = 'x' is not legal: .*integer.* \(s.toml line 2\)"),
        ("[budget]\ntime = 'soon'\n", r"budget.time = 'soon' is not legal: a time is written like .*\(s.toml line 2\)"),
        (
            "[budget]\nstop = 'soon'\n",
            r"budget.stop = 'soon' is not legal: should be 'budget' or 'converged' \(s.toml line 2\)",
        ),
        (
            "[budget]\ntrials = 19\nstop = 'converged'\n",
            r"at least 20 trials: budget.trials = 19 \(\[budget\], s.toml line 3\); raise the number of trials, or ",
        ),
        (
            "[data]\nfolds = 'holdout:0.1'\n[budget]\nstop = 'converged'\n",
            r"over the folds: folds = \"holdout:0.1\" has a single one \(\[budget\], s.toml line 4\); choose several",
        ),
        ("[data]\nfolds = 1\n", r"data.folds = 1 is not legal: .* \(s.toml line 2\)"),
        ("[space]\n# x\nsizes = 3\n", r"no setting is called 'sizes' \(s.toml line 3\); did you mean 'size'"),
        ("[space]\nsize = { low = 1, high = 9999 }\n", r"size = 9999 is not legal: .* 1 to 2048 .*\(s.toml line 2\)"),
        ("[space]\nepochs = 3\n", r"epochs are not searched: they are .* \(s.toml line 2\); set them in \[budget\]"),
        ("[space]\noptimiser = 'sgd'\nweight_decay = 0.5\n", r"weight_decay changes nothing .* \(s.toml line 3\)"),
        ("[[prior]]\nsize = 32\nlrr = 1\n", r"no setting is called 'lrr' \(s.toml line 3\); did you mean 'lr'"),
        ("[[prior]]\nsize = 0\n", r"size = 0 is not legal: .*s.toml line 1"),
        (
            "[space]\nsize = { low = 32, high = 64 }\n[[prior]]\nsize = 48\n[[prior]]\n# x\nsize = 96\n",
            r"size = 96 of \[\[prior\]\] 2 does not, .* has size = { low = 32, high = 64 } \(s.toml line 7\)",
        ),
        (
            "[space]\nsize = { low = 32, high = 64, step = 16 }\n[[prior]]\nsize = 40\n",
            r"size = 40 of \[\[prior\]\] 1 does not, .* step = 16 } \(s.toml line 4\)",
        ),
        (
            "[space]\nlr = 4e-3\n[[prior]]\nlr = 3e-3\n",
            r"lr = 0.003 of \[\[prior\]\] 1 does not, .* has lr = 0.004 \(s.toml line 4\)",
        ),
        (
            "[[prior]]\ncell = 'gru'\nlayers = 3\n",
            r"layers = 3 of \[\[prior\]\] 1 does not, .* has layers = \[1, 2\] \(s.toml line 3\)",
        ),
        ("[space]\nonly = 1\n", r"only is true or false: got 1 \(\[space\], s.toml line 2\)"),
        ("prior = 3\n", r"prior points are tables, written \[\[prior\]\] \(s.toml line 1\)"),
        ("[resources]\ngpus = 'all'\n", r"resources.gpus = 'all' is not legal"),
        (
            "[scheduler]\nkind = 'hyperband'\n",
            r"no scheduler is called 'hyperband' \(\[scheduler\], s.toml line 2\); there are: asha, none",
        ),
        (
            "[scheduler]\nlate = ['augmentt']\n",
            r"no setting is called 'augmentt' \(\[scheduler\], s.toml line 2\); did you mean 'augment'",
        ),
        (
            "family = 'stylenet'\n[scheduler]\nfolds_first = 1\n",
            r"all folds of stylenet are trained from the start: folds_first = 1 \(\[scheduler\], s.toml line 3\)",
        ),
        (
            "[scheduler]\nfolds_first = 1\nfirst_rung = 2\n[storage]\nsnapshots = [1, 3]\n",
            r"with folds_first = 1, epoch 1 has 1 .*; set it to 0, or keep snapshots after epoch 2",
        ),
        ("[sampler]\nkind = 3\n", r"no sampler is called '3' \(\[sampler\], s.toml line 2\); there are: grid, poin"),
        (
            "[scheduler]\nkind = 'none'\nreduction = 2\n",
            r"no key is called 'reduction' \(\[scheduler\], s.toml line 3\); there are: kind",
        ),
        ("[sampler]\nkind = 'random'\nstartup = 2\n", r"no key is called 'startup' \(\[sampler\], s.toml line 3\)"),
        (
            f"{GRID}size = [32, 64]\nlr = {{ low = 1e-3, high = 1e-2 }}\n",
            r"a grid needs a finite .*: lr = {.*} has no step \(\[sampler\], s.toml line 2\); give it a step or a list",
        ),
        (
            f"[budget]\ntrials = 5\n{GRID}size = [32, 64]\nlayers = [1, 2]\n",
            r"at most one trial per point: budget.trials = 5, .* space has 4 points \(\[sampler\], s.toml line 4\)",
        ),
    ],
)
def test_errors_contain_the_rule_the_value_and_the_line(text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        parse(text, "s.toml")


@pytest.mark.parametrize(
    "text",
    [
        '[scheduler]\nkind = "none"\n',
        '[scheduler]\nkind = "asha"\nfirst_rung = 5\n',
        '[sampler]\nkind = "random"\nseed = 3\n',
        f"[budget]\ntrials = 4\n{GRID}size = [32, 64]\nlayers = [1, 2]\n",
    ],
)
def test_each_kind_of_a_section_round_trips(text: str) -> None:
    search = parse(text, "s.toml")
    assert parse(search.to_toml(), "again") == search
    assert parse(search.to_toml(), "stored", stored=True) == search


def test_a_section_inherits_missing_keys_from_the_built_in_search_only_for_the_same_kind() -> None:
    assert parse("[scheduler]\nkind = 'asha'\n", "s.toml").scheduler == load("composer").scheduler
    assert parse("[scheduler]\nkind = 'none'\n", "s.toml").scheduler == FullBudget()
    assert parse("[sampler]\nkind = 'random'\n", "s.toml", overrides={"sampler.seed": 7}).sampler == Random(seed=7)


def test_a_stored_search_without_kinds_has_asha_and_tpe() -> None:
    stored = load("composer").to_toml()
    before = "".join(line for line in stored.splitlines(keepends=True) if not line.startswith("kind"))
    assert before.count("\n") == stored.count("\n") - 2
    assert parse(before, "stored", stored=True) == load("composer")


def test_an_error_of_the_command_line_names_its_option() -> None:
    with pytest.raises(BadInputError, match=r"budget.trials = 0 is not legal: .* \(--trials\)"):
        parse("[budget]\ntrials = 5\n", "s.toml", overrides={"budget.trials": 0})
    with pytest.raises(BadInputError, match=r"lr = -1 is not legal: .* \(--set\)"):
        load("composer", overrides={"space.lr": -1})


def test_missing_files_and_files_that_are_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no search or family is called 'composr'.*did you mean 'composer'"):
        load("composr")
    with pytest.raises(BadInputError, match=r"must be readable: .*none.toml \(No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="it is not UTF-8 text"):
        load(tmp_path / "b.toml")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4m30s", 270), ("2h", 7200), ("1h1s", 3601), ("90s", 90), ("0.5s", 0.5), ("none", None)],
)
def test_durations_round_trip(text: object, seconds: float | None) -> None:
    assert read_duration(text) == seconds
    assert read_duration(write_duration(seconds)) == seconds


@pytest.mark.parametrize(
    "text", ["", "0s", "5", 0.5, "s", "1m2h", True, -3, 0, [1], "9" * 5000 + "s", 10**400, "1000000h"], ids=range(13)
)
def test_other_durations_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a time is written like"):
        read_duration(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"[budget]\ntrials = {'9' * 5000}\n", r"at most 4,300 digits.*: big.toml has more \(line 2\)"),
        (f"[space]\nlr = [0.1,\n{'1_0' * 2500}]\n", r"big.toml has more \(line 3\)"),
        (f"[budget]\ntrials = 0x{'f' * 5000}\n", r"budget.trials = int too large to be shown is not legal: .*line 2"),
        (f"[space]\nsize = 0x{'f' * 5000}\n", r"size = int too large to be shown is not legal: .*line 2"),
        (
            f"[space]\nlr = {{ low = 1e-3, high = 1e-2, step = 0x{'f' * 5000} }}\n",
            "got int too large to be shown for lr",
        ),
        (
            f"[budget]\ntime = {'9' * 400}\n",
            r"budget.time = 9{100}... \(400 characters\) is not legal: a time is written",
        ),
        (f"a = {'[' * 5000}{']' * 5000}\n", "its brackets are nested at most a few hundred times"),
        (f"[space]\n{'.'.join(['size'] * 5000)} = 1\n", "is not legal|needs both low and high|no key of a range"),
        (f'name = "{"n" * 5000}"\n', r"a search's name is 1 to 64 .*got 'n{99}... \(5,002 characters\)"),
        (f'[{" " * 20_000}"]x"]\n', r"no key is called '\]x' \(big.toml line 1\)"),
        (f'[space]\n"{"a" * 20_000}"{" " * 20_000}= 1\n', r"no setting is called 'a{99}... \(20,002 characters\)"),
        ('tracking = "http://me:hush@host"\n', "got 'http://me@host'"),
    ],
    ids=range(12),
)
def test_the_error_for_a_huge_value_is_one_short_line(text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        parse(text, "big.toml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("text", [30, "30"], ids=repr)
def test_a_duration_without_a_unit_is_refused_in_a_file_and_in_an_option(text: object) -> None:
    message = 'got \'?30\'?; is it seconds, "30s", or minutes, "30m"'
    with pytest.raises(BadInputError, match=message):
        load("composer", overrides={"budget.time": text})
    with pytest.raises(BadInputError, match=message):
        parse(f"[budget]\ntime = {text!r}\n", "s.toml")


def test_passwords_are_not_written() -> None:
    search: SearchSpec = parse(
        '[study]\nurl = "postgresql+psycopg://me:secret@db/x"\n[tracking]\nuri = "http://u:hush@host:5000"\n', "s"
    )
    assert "secret" not in search.to_toml()
    assert "hush" not in search.to_toml()
    assert "postgresql+psycopg://me@db/x" in search.to_toml()
    assert search.study.url.endswith("secret@db/x")
    place = "postgresql+psycopg://db:5432/x"
    assert without_password(f"{place}?user=me&password=se@cret") == f"{place}?user=me"
    assert without_password(f"{place}?password=secret&sslmode=require") == f"{place}?sslmode=require"


@pytest.mark.parametrize(("name", "value"), [("input", "token"), ("optimiser", "sgd"), ("transpose", True)])
def test_a_search_with_a_fixed_setting_that_disables_others_round_trips(name: str, value: Value) -> None:
    search = load("composer", overrides={f"space.{name}": value})
    assert parse(search.to_toml(), "again").space.hash == search.space.hash
    idle = [other for other, setting in search.space.spec_type.settings().items() if name in setting.when]
    assert idle
    assert not set(idle) & set(search.space.searched)
