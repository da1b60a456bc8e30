"""What every baseline promises: the rolling origin, no look ahead, honest words, and the textbook's intervals."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.baselines import BASELINES, Fitted, NoFit, Options, unreadable
from core.baselines.baseline import QUANTILE, spans
from core.baselines.comparison import compare
from core.baselines.ets import Form
from core.baselines.orders import Order, differences, grid, kpss, seasonal_strength
from core.experiment import Experiment
from core.forecast import Forecast, side_by_side, starts
from core.series import make_series

AIRLINE = make_series(Experiment(task="series", series="airline")).values[:, 0]
END = 108
"""Of the training part."""

CASES = {
    "naive": Options(),
    "seasonal_naive": Options(),
    "drift": Options(),
    "ets AAA": Options(ets="AAA"),
    "ets MAdM": Options(ets="MAdM"),
    "ets ANN, log": Options(ets="ANN", logarithm=True),
    "arima airline, log": Options(arima="(0,1,1)(0,1,1)", logarithm=True),
    "arima drift": Options(arima="(1,1,1)+c"),
    "arima mean": Options(arima="(1,0,1)+c"),
    "arima white": Options(arima="(0,0,0)+c"),
}


def method(case: str) -> str:
    return case.partition(" ")[0]


def fit(case: str, values: np.ndarray = AIRLINE, end: int = END) -> Fitted:
    return BASELINES[method(case)].fit(values[:end], 12, CASES[case])


@pytest.fixture(scope="module")
def fits() -> dict[str, Fitted]:
    return {case: fit(case) for case in CASES}


every_case = pytest.mark.parametrize("case", CASES)


class TestRollingOrigin:
    @every_case
    @pytest.mark.parametrize("horizon", [1, 5, 36])
    def test_every_time_after_the_training_part_is_forecast_once(self, fits, case, horizon):
        origins = starts(END, len(AIRLINE), horizon)
        made = fits[case].forecast(AIRLINE, origins, horizon)
        assert made.values.shape == (len(AIRLINE) - END, 1)
        assert made.origins == origins
        assert np.all(made.lower < made.values)
        assert np.all(made.values < made.upper)

    @every_case
    def test_nothing_at_or_after_an_origin_is_read(self, fits, case):
        """Bit for bit: neither the forecast nor its interval knows what comes."""
        origins = starts(END, len(AIRLINE), 6)
        before = fits[case].forecast(AIRLINE, origins, 6)
        changed = AIRLINE.copy()
        changed[origins[2] :] *= np.random.default_rng(0).uniform(0.3, 3, len(AIRLINE) - origins[2])
        after = fits[case].forecast(changed, origins, 6)
        for part in ("values", "lower", "upper"):
            np.testing.assert_array_equal(getattr(after, part)[:18], getattr(before, part)[:18])
        if case != "arima white":  # which reads nothing at all
            assert not np.allclose(after.values[18:], before.values[18:])

    @every_case
    def test_forecasts_from_an_origin_are_those_of_a_shorter_series(self, fits, case):
        """What another origin reads later changes nothing: rolling is the same as starting anew with the same parameters."""
        whole = fits[case].forecast(AIRLINE, starts(END, len(AIRLINE), 6), 6)
        short = fits[case].forecast(AIRLINE[:126], (120,), 6)
        np.testing.assert_allclose(short.values, whole.values[12:18], rtol=1e-9)
        np.testing.assert_allclose(short.upper, whole.upper[12:18], rtol=1e-9)

    @every_case
    def test_the_rest_of_the_series_changes_no_parameter(self, fits, case):
        changed = AIRLINE.copy()
        changed[END:] = 1e6
        results = compare(changed[:, None], 12, starts(END, len(AIRLINE), 6), 6, which=(method(case),), options=CASES[case])
        assert results[method(case)].fitted[0].to_dict() == fits[case].to_dict()

    def test_origins_that_leave_a_gap_are_refused(self):
        assert list(spans((3, 5), 6, 2)) == [(3, 2), (5, 1)]
        with pytest.raises(ValueError, match="follow each other by the horizon"):
            list(spans((3, 6), 8, 2))
        with pytest.raises(ValueError, match="must be at least 1 step, not 0"):
            starts(3, 8, 0)
        with pytest.raises(ValueError, match="needs values before its origin"):
            starts(8, 8, 1)


class TestIntervals:
    def test_naive_methods_have_the_textbooks(self):
        """Hyndman & Athanasopoulos, FPP3, table 5.2: sigma sqrt(h), sigma sqrt(k + 1), sigma sqrt(h (1 + h / (T - 1)))."""
        train, h = AIRLINE[:END], np.arange(1, 37)
        slope = (train[-1] - train[0]) / (END - 1)
        sigmas = {
            "naive": np.sqrt((np.diff(train) ** 2).mean()) * np.sqrt(h),
            "seasonal_naive": np.sqrt(((train[12:] - train[:-12]) ** 2).mean()) * np.sqrt((h - 1) // 12 + 1),
            "drift": np.sqrt(((np.diff(train) - slope) ** 2).sum() / (END - 2)) * np.sqrt(h * (1 + h / (END - 1))),
        }
        points = {"naive": np.full(36, train[-1]), "seasonal_naive": np.tile(train[-12:], 3), "drift": train[-1] + slope * h}
        for name, sigma in sigmas.items():
            made = fit(name).forecast(AIRLINE, (END,), 36)
            np.testing.assert_allclose(made.values[:, 0], points[name], rtol=1e-12)
            np.testing.assert_allclose(made.upper[:, 0] - made.values[:, 0], 1.959964 * sigma, rtol=1e-6)
            np.testing.assert_allclose(made.values[:, 0] - made.lower[:, 0], 1.959964 * sigma, rtol=1e-6)

    @pytest.mark.parametrize("form", ["ANN", "AAN", "AAdN", "ANA", "AAA", "AAdA"])
    def test_closed_and_simulated_intervals_agree(self, form, monkeypatch):
        """The formula of the additive models is what simulating them gives; 4,000 paths leave about 3 % of a half width."""
        fitted = BASELINES["ets"].fit(AIRLINE[:END], 12, Options(ets=form))
        closed = fitted.forecast(AIRLINE, (END,), 36)
        monkeypatch.setattr("core.baselines.ets.closed_form", lambda form: False)
        simulated = fitted.forecast(AIRLINE, (END,), 36)
        np.testing.assert_allclose(simulated.upper - simulated.lower, closed.upper - closed.lower, rtol=0.08)

    @pytest.mark.parametrize("order", ["(0,1,1)(0,1,1)", "(1,1,1)+c", "(2,0,1)+c", "(1,0,0)(0,1,1)+c", "(0,2,2)"])
    def test_arima_forecasts_are_those_of_statsmodels(self, order):
        """One filter over the series, against a new model of statsmodels on what stands before the origin."""
        from statsmodels.tsa.statespace.sarimax import SARIMAX

        fitted = BASELINES["arima"].fit(AIRLINE[:END], 12, Options(arima=order))
        chosen = Order.parse(order)
        scale, *numbers = fitted.estimates
        made = fitted.forecast(AIRLINE, starts(END, len(AIRLINE), 18), 18)
        model = SARIMAX(
            AIRLINE[:126] / scale,
            order=(chosen.p, chosen.d, chosen.q),
            seasonal_order=(chosen.P, chosen.D, chosen.Q, 12 if chosen.seasonal else 0),
            trend="c" if chosen.constant else "n",
            use_exact_diffuse=chosen.d + chosen.D > 0,
        )
        wanted = model.filter(numbers).get_forecast(18)
        np.testing.assert_allclose(made.values[18:, 0], scale * wanted.predicted_mean, rtol=1e-8)
        np.testing.assert_allclose(made.lower[18:, 0], scale * wanted.conf_int()[:, 0], rtol=1e-6, atol=1e-4)

    @pytest.mark.parametrize("form", ["ANN", "MNN", "AAdN", "MAdN", "ANA", "MNA", "MNM", "AAA", "MAA", "MAM", "MAdM"])
    def test_ets_forecasts_are_those_of_statsmodels(self, form):
        """Our recursion one step ahead, against the fitted values of statsmodels with the same parameters; its seasons add up to 0 or m
        only, hence 1e-5."""
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        fitted, chosen = BASELINES["ets"].fit(AIRLINE, 12, Options(ets=form)), Form.parse(form)
        words = {"A": "add", "M": "mul", "N": None}
        alpha, beta, gamma, phi, _, level, slope, *seasons = fitted.estimates
        parts = {"trend": [beta], "season": [gamma], "damped": [phi], "slope": [slope], "seasons": seasons[::-1]}
        absent = {"trend": chosen.trend == "N", "slope": chosen.trend == "N", "damped": not chosen.damped}
        absent |= dict.fromkeys(("season", "seasons"), chosen.season == "N")
        kept = {name: [] if absent[name] else part for name, part in parts.items()}
        model = ETSModel(
            AIRLINE, words[chosen.error], words[chosen.trend], chosen.damped, words[chosen.season],
            seasonal_periods=12 if chosen.season != "N" else None,
        )  # fmt: skip
        found = model.smooth([alpha, *kept["trend"], *kept["season"], *kept["damped"], level, *kept["slope"], *kept["seasons"]])
        one = fitted.forecast(AIRLINE, starts(1, len(AIRLINE), 1), 1)
        np.testing.assert_allclose(one.values[:, 0], found.fittedvalues[1:], rtol=1e-5)
        assert fitted.criteria["log_likelihood"] == pytest.approx(found.llf, rel=1e-6)

    def test_intervals_cover_what_they_say(self):
        """95 % intervals of the true model hold about 95 % of 400 values, 4 standard errors around."""
        draw = np.random.default_rng(3)
        noise, values = draw.normal(size=800), np.zeros(800)
        for t in range(1, 800):
            values[t] = 0.7 * values[t - 1] + noise[t]
        made = BASELINES["arima"].fit(values[:400], 1, Options(arima="(1,0,0)+c")).forecast(values, starts(400, 800, 1), 1)
        inside = (made.lower[:, 0] <= values[400:]) & (values[400:] <= made.upper[:, 0])
        assert abs(inside.mean() - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 400)


class TestWords:
    @every_case
    def test_parameters_are_finite_named_and_explained(self, fits, case):
        names = [parameter.name for parameter in fits[case].parameters]
        assert len(set(names)) == len(names)
        for parameter in fits[case].parameters:
            assert np.isfinite(parameter.value)
            assert parameter.meaning[-1] == "."
        assert fits[case].converged
        assert fits[case].words == ""

    @every_case
    def test_a_fit_goes_through_json_unchanged(self, fits, case):
        back = Fitted.from_dict(json.loads(json.dumps(fits[case].to_dict())))
        assert back == fits[case]
        origins = starts(END, len(AIRLINE), 7)
        np.testing.assert_array_equal(back.forecast(AIRLINE, origins, 7).upper, fits[case].forecast(AIRLINE, origins, 7).upper)

    @pytest.mark.parametrize(
        ("name", "values", "period", "options", "words"),
        [
            ("seasonal_naive", AIRLINE, 1, Options(), "The series has no season"),
            ("seasonal_naive", AIRLINE[:13], 12, Options(), "has 13 points; a season of 12 steps needs at least 14"),
            ("ets", AIRLINE - 200, 12, Options(ets="MAM"), "needs values above 0"),
            ("ets", AIRLINE, 1, Options(ets="AAA"), "The series has no season."),
            ("ets", AIRLINE, 36, Options(ets="AAA"), "A season of 36 steps is more than the 24"),
            ("ets", np.full(50, 3.0), 1, Options(ets="ANN"), "constant"),
            ("ets", AIRLINE[:9], 1, Options(ets="ANN"), "points of training are too few"),
            ("arima", AIRLINE, 1, Options(arima="(0,1,1)(0,1,1)"), "The series has no season. Leave the seasonal part"),
            ("arima", AIRLINE[:20], 12, Options(arima="(0,1,1)(0,1,1)"), "20 points of training hold too little of a season of 12"),
            ("arima", np.arange(50.0), 1, Options(arima="(0,1,1)"), "After differencing, the training part is constant"),
            ("arima", AIRLINE - 200, 12, Options(logarithm=True), "The logarithm needs values above 0"),
            ("arima", AIRLINE[:8], 1, Options(arima="(2,1,2)+c"), "needs more than the 8 points"),
            ("naive", np.array([1.0, np.nan, 2.0]), 1, Options(), "not finite"),
        ],
    )
    def test_what_cannot_be_fitted_says_why(self, name, values, period, options, words):
        with pytest.raises(NoFit, match=words):
            BASELINES[name].fit(values, period, options)

    @pytest.mark.parametrize(
        "values",
        [
            np.eye(1, 60, 30)[0],
            np.tile([1.0, 2, 3, 4], 15),
            np.tile([1.0, -1], 30),
            np.arange(60.0),
            np.exp(np.arange(60) / 2),
            np.exp(-np.arange(60) / 10) * np.cos(np.arange(60)),
            1e12 * np.sin(np.arange(60)),
        ],
        ids=["spike", "periodic", "alternating", "line", "exponential", "damped", "huge"],
    )
    def test_odd_series_give_finite_forecasts_or_a_sentence(self, values):
        results = compare(values[:, None], 1, starts(42, 60, 5), 5, options=Options(arima="(2,0,1)+c", ets="AAdN"))
        for result in results.values():
            if result.forecast is None:
                assert result.words[-1] == "."
            else:
                for part in (result.forecast.values, result.forecast.lower, result.forecast.upper):
                    assert np.isfinite(part).all()

    def test_an_error_of_the_library_is_a_sentence(self, monkeypatch):
        def fail(*_: object, **__: object) -> None:
            raise np.linalg.LinAlgError("Schur decomposition solver error.")

        monkeypatch.setattr("core.baselines.arima._maximise", fail)
        with pytest.raises(NoFit, match=r"ARIMA \(1,0,0\) could not be fitted: its equations have no solution"):
            BASELINES["arima"].fit(AIRLINE, 1, Options(arima="(1,0,0)"))

    def test_a_season_that_is_too_long_is_left_out_and_said(self):
        fitted = BASELINES["arima"].fit(AIRLINE[:END], 36, Options(arima="(0,1,1)"))
        assert fitted.words == "A season of 36 steps is more than the 24 that this method takes. It is fitted without a season."

    @pytest.mark.parametrize("text", ["0,1,1", "(0,1)", "(0,1,1)(1)", "(6,0,0)", "(0,3,0)", "(0,1,0)(0,2,0)", "(0,1,1)(0,1,1)+c", ""])
    def test_orders_that_are_none_are_refused(self, text):
        with pytest.raises(ValueError, match=r"ARIMA order|constant beside"):
            Order.parse(text)

    @pytest.mark.parametrize("text", ["AA", "XAA", "AAX", "AMA", "AAAd", ""])
    def test_forms_that_are_none_are_refused(self, text):
        with pytest.raises(ValueError, match="Write an ETS form as"):
            Form.parse(text)

    @given(st.integers(0, 5), st.integers(0, 2), st.integers(0, 5), st.integers(0, 5), st.integers(0, 1), st.integers(0, 5))
    def test_orders_are_read_as_they_are_written(self, p, d, q, P, D, Q):
        order = Order(p, d, q, P, D, Q, d + D < 2)
        assert Order.parse(str(order)) == Order.parse(f"ARIMA {order}") == order

    def test_a_fit_that_does_not_converge_says_so_and_loses_to_one_that_does(self, monkeypatch):
        monkeypatch.setattr("core.baselines.arima.ITERATIONS", 1)
        fitted = BASELINES["arima"].fit(AIRLINE[:END], 12, Options(arima="(2,1,1)(1,1,1)"))
        assert not fitted.converged
        assert "ARIMA(2,1,1)(1,1,1)12 did not converge within 1 iterations" in fitted.words
        chosen = BASELINES["arima"].fit(AIRLINE[:END], 12, Options())
        assert chosen.converged, "(0,1,0)(0,1,0) needs no search"

    @pytest.mark.slow
    def test_no_warning_and_no_print_of_a_library_comes_through(self, capfd):
        draw = np.random.default_rng(5)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for values in (AIRLINE, draw.normal(size=60), np.cumsum(draw.normal(size=60)), 1e8 + draw.normal(size=60), 1e-8 * AIRLINE):
                compare(values[:, None], 12, starts(40, len(values), 5), 5)
        assert capfd.readouterr() == ("", "")


class TestChoice:
    def test_tests_of_constancy_and_season(self):
        draw = np.random.default_rng(1)
        noise = draw.normal(size=200)
        wave = np.sin(2 * np.pi * np.arange(200) / 12)
        assert kpss(noise) < 0.463 < kpss(np.cumsum(noise))
        assert seasonal_strength(noise, 12) < 0.3
        assert seasonal_strength(5 * wave + noise, 12) > 0.9
        assert differences(noise, 12) == (0, 0)
        assert kpss(np.full(50, 0.1)) == 0
        assert seasonal_strength(0.1 * np.arange(100), 12) == 0
        assert seasonal_strength(np.full(100, 0.1), 12) == 0
        assert differences(np.cumsum(noise), 1) == (1, 0)
        assert differences(np.cumsum(np.cumsum(noise)), 1) == (2, 0)
        assert differences(10 * wave + noise, 12) == (0, 1)
        assert differences(np.log(AIRLINE), 12) == (1, 1)

    @pytest.mark.parametrize(("d", "D", "season"), [(0, 0, 1), (1, 0, 1), (2, 0, 1), (0, 0, 12), (1, 0, 12), (0, 1, 12), (1, 1, 12)])
    def test_grids_are_small_and_hold_each_order_once(self, d, D, season):
        orders = grid(d, D, season)
        assert 18 <= len(orders) == len(set(orders)) <= 24
        assert {(order.d, order.D) for order in orders} == {(d, D)}

    def test_the_least_aicc_wins_and_every_form_is_told_of(self):
        seen: list[tuple[int, int, str]] = []
        (found,) = compare(AIRLINE[:, None], 12, starts(END, 144, 6), 6, which=("ets",), progress=lambda *now: seen.append(now)).values()
        assert [number for number, _, _ in seen] == list(range(1, 16))
        assert {total for _, total, _ in seen} == {15}
        criteria = {outcome.attempt.form: outcome.fitted.criteria["aicc"] for outcome in found.tried}
        assert found.fitted[0].form == min(criteria, key=criteria.get) == "MAM"

    def test_progress_may_end_it(self):
        def stop(done: int, total: int, form: str) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            compare(AIRLINE[:, None], 12, starts(END, 144, 6), 6, which=("arima",), progress=stop)

    def test_what_fails_leaves_the_others(self):
        values = np.column_stack([AIRLINE, np.full(144, 7.0)])
        results = compare(values, 12, starts(END, 144, 6), 6)
        assert results["arima"].forecast is None
        assert results["arima"].words == "After differencing, the training part is constant: there is nothing left to model."
        assert results["ets"].forecast is None
        assert results["naive"].forecast.values.shape == (36, 2)
        np.testing.assert_array_equal(results["seasonal_naive"].forecast.values[:, 1], 7)

    @pytest.mark.slow
    def test_processes_give_the_same_numbers(self):
        alone = compare(AIRLINE[:, None], 12, starts(END, 144, 6), 6)
        shared = compare(AIRLINE[:, None], 12, starts(END, 144, 6), 6, processes=2)
        for name, result in alone.items():
            assert [fitted.to_dict() for fitted in result.fitted] == [fitted.to_dict() for fitted in shared[name].fitted]


class TestScale:
    @every_case
    def test_units_do_not_matter(self, fits, case):
        """A series a thousand times as large has forecasts a thousand times as large."""
        large = fit(case, 1000 * AIRLINE)
        origins = starts(END, 144, 6)
        np.testing.assert_allclose(
            large.forecast(1000 * AIRLINE, origins, 6).values, 1000 * fits[case].forecast(AIRLINE, origins, 6).values, rtol=2e-3
        )


class TestForecast:
    def test_columns_stand_side_by_side(self):
        one, two = np.ones((4, 1)), np.full((4, 1), 2.0)
        made = side_by_side([Forecast("a", one, one - 1, one + 1, (5, 7)), Forecast("b", two, two - 1, two + 1, (5, 7))])
        assert made.name == "a"
        np.testing.assert_array_equal(made.values, np.hstack([one, two]))
        np.testing.assert_array_equal(made.upper, np.hstack([one, two]) + 1)
        assert side_by_side([Forecast("a", one, one, one, (5,)), Forecast("b", two, None, None, (5,))]).lower is None
        with pytest.raises(ValueError, match="same origins"):
            side_by_side([Forecast("a", one, None, None, (5,)), Forecast("b", two, None, None, (6,))])

    def test_half_an_interval_is_refused(self):
        with pytest.raises(ValueError, match="two ends"):
            Forecast("a", np.ones((4, 1)), np.ones((4, 1)), None, (5,))
        with pytest.raises(ValueError, match="shape"):
            Forecast("a", np.ones((4, 1)), np.ones((3, 1)), np.ones((3, 1)), (5,))

    def test_the_quantile_is_the_normal_one(self):
        from statistics import NormalDist

        assert pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-12) == QUANTILE


def test_what_cannot_be_read_is_named_with_what_can():
    assert unreadable(Options()) == unreadable(Options(arima="(0,1,1)(0,1,1)", ets="MAdM")) == {}
    assert unreadable(Options(arima="foo")).keys() == {"arima"}
    assert "such as AAA or MAdM" in unreadable(Options(ets="XYZ"))["ets"]
