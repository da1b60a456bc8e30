"""Fits that have been published, reproduced.

R prints four significant digits of a coefficient and two decimals of a log-likelihood, both after a numerical search: so coefficients
agree to 1e-3 (R's own search stops at a relative change of 1e-8 of a flat likelihood), log-likelihoods to half of the last printed
digit, and variances to 1e-3 of their value.
"""

from __future__ import annotations

import numpy as np
import pytest

from core.baselines import BASELINES, Fitted, Options
from core.experiment import Experiment
from core.series import make_series

# Monthly accidental deaths in the USA, 1973 to 1978 (Brockwell & Davis 1991; R's USAccDeaths).
DEATHS = """
9007 8106 8928 9137 10017 10826 11317 10744 9713 9938 9161 8927 7750 6981 8038 8422 8714 9512 10120 9823 8743 9129 8710 8680
8162 7306 8124 7870 9387 9556 10093 9620 8285 8466 8160 8034 7717 7461 7767 7925 8623 8945 10078 9179 8037 8488 7874 8647
7792 6957 7726 8106 8890 9299 10625 9302 8314 8850 8265 8796 7836 6892 7791 8192 9115 9434 10484 9827 9110 9070 8633 9240
"""
# Level of Lake Huron in feet, 1875 to 1972 (Brockwell & Davis 1991; R's LakeHuron).
HURON = """
580.38 581.86 580.97 580.80 579.79 580.39 580.42 580.82 581.40 581.32 581.44 581.68 581.17 580.53 580.01 579.91 579.14 579.16 579.55
579.67 578.44 578.24 579.10 579.09 579.35 578.82 579.32 579.01 579.00 579.80 579.83 579.72 579.89 580.01 579.37 578.69 578.19 578.67
579.55 578.92 578.09 579.37 580.13 580.14 579.51 579.24 578.66 578.86 578.05 577.79 576.75 576.75 577.82 578.64 580.58 579.48 577.38
576.90 576.94 576.24 576.84 576.85 576.90 577.79 578.18 577.51 577.23 578.42 579.61 579.05 579.26 579.22 579.38 579.10 577.95 578.12
579.75 580.85 580.41 579.96 579.61 578.76 578.18 577.21 577.13 579.10 578.25 577.91 576.89 575.96 576.80 577.68 578.38 578.52 579.74
579.31 579.89 579.96
"""
# Nights of international visitors in Australia, quarterly, 2005 to 2010, and oil production of Saudi Arabia, 1996 to 2007
# (Hyndman & Athanasopoulos, R's package fpp).
TOURISTS = """
41.727458 24.041850 32.328103 37.328708 46.213153 29.346326 36.482910 42.977719 48.901525 31.180221 37.717881 40.420211
51.206863 31.887228 40.978263 43.772491 55.558567 33.850915 42.076383 45.642292 59.766780 35.191877 44.319737 47.913736
"""
OIL = """
446.6565229 454.4733065 455.6629740 423.6322388 456.2713279 440.5880501 425.3325201 485.1494479 506.0481621 526.7919833 514.2688890
494.2110193
"""


def column(text: str) -> np.ndarray:
    return np.array(text.split(), float)


def shipped(name: str) -> np.ndarray:
    return make_series(Experiment(task="series", series=name)).values[:, 0]


def arima(values: np.ndarray, order: str, period: int = 1, **options: object) -> Fitted:
    return BASELINES["arima"].fit(values, period, Options(arima=order, **options))


def ets(values: np.ndarray, form: str, period: int = 1) -> Fitted:
    return BASELINES["ets"].fit(values, period, Options(ets=form))


def of(fitted: Fitted) -> dict[str, float]:
    return {parameter.name: parameter.value for parameter in fitted.parameters}


class TestARIMA:
    def test_the_airline_model(self):
        """R: arima(log10(AirPassengers), c(0,1,1), seasonal = c(0,1,1)), from ?AirPassengers: -0.4018, -0.5569; sigma^2 0.0002543,
        log likelihood 353.96.  With natural logarithms, auto.arima: log likelihood 244.7, AICc -483.21 (it counts n = 131)."""
        fitted = arima(shipped("airline"), "(0,1,1)(0,1,1)", 12, logarithm=True)
        found = of(fitted)
        assert found["theta_1"] == pytest.approx(-0.4018, abs=1e-3)
        assert found["Theta_1"] == pytest.approx(-0.5569, abs=1e-3)
        assert found["sigma2"] == pytest.approx(0.0002543 * np.log(10) ** 2, rel=1e-3)
        assert fitted.criteria["log_likelihood"] == pytest.approx(244.70, abs=0.005)
        assert fitted.criteria["aicc"] == pytest.approx(-483.21, abs=0.01)
        assert fitted.criteria["log_likelihood"] == pytest.approx(353.96 - 131 * np.log(np.log(10)), abs=0.01)
        assert fitted.converged

    def test_auto_arima_finds_the_airline_model_for_the_airline(self):
        """R: auto.arima(log(AirPassengers)) chooses ARIMA(0,1,1)(0,1,1)[12]."""
        chosen = BASELINES["arima"].fit(shipped("airline"), 12, Options(logarithm=True))
        assert chosen.name == "ARIMA(0,1,1)(0,1,1)12 of the logarithm"

    def test_accidental_deaths(self):
        """R: arima(USAccDeaths, c(0,1,1), seasonal = c(0,1,1)), an example of ?arima, whose output R keeps in its source for comparison
        (tests/Examples/stats-Ex.Rout.save): -0.4303, -0.5528; sigma^2 99347, log likelihood -425.44, aic 856.88."""
        fitted = arima(column(DEATHS), "(0,1,1)(0,1,1)", 12)
        found = of(fitted)
        assert found["theta_1"] == pytest.approx(-0.4303, abs=1e-3)
        assert found["Theta_1"] == pytest.approx(-0.5528, abs=1e-3)
        assert found["sigma2"] == pytest.approx(99347, rel=1e-3)
        assert fitted.criteria["log_likelihood"] == pytest.approx(-425.44, abs=0.005)
        assert 2 * 3 - 2 * fitted.criteria["log_likelihood"] == pytest.approx(856.88, abs=0.01)

    def test_lake_huron(self):
        """R: arima(LakeHuron, c(2,0,0)): 1.0436, -0.2495, mean 579.0473; sigma^2 0.4788, log likelihood -103.63; AICc 215.7."""
        fitted = arima(column(HURON), "(2,0,0)+c")
        found = of(fitted)
        assert found["phi_1"] == pytest.approx(1.0436, abs=1e-3)
        assert found["phi_2"] == pytest.approx(-0.2495, abs=1e-3)
        assert found["c"] / (1 - found["phi_1"] - found["phi_2"]) == pytest.approx(579.0473, abs=0.01)
        assert found["sigma2"] == pytest.approx(0.4788, rel=1e-3)
        assert fitted.criteria["log_likelihood"] == pytest.approx(-103.63, abs=0.005)
        assert fitted.criteria["aicc"] == pytest.approx(215.7, abs=0.05)

    def test_sunspots(self):
        """The documentation of statsmodels, ARIMA(2,0,0) of the sunspots 1700 to 2008: mean 49.746198, 1.390633, -0.688573, variance
        274.727181, AIC 2622.637093.

        Its search stops a little early: the likelihood found here is larger by 0.0004, at a mean that is smaller by 0.09, a fortieth of
        its standard error.  So the mean is compared to 0.5 %, and the AIC may only be better.
        """
        fitted = arima(shipped("sunspots"), "(2,0,0)+c")
        found = of(fitted)
        assert found["phi_1"] == pytest.approx(1.390633, abs=1e-4)
        assert found["phi_2"] == pytest.approx(-0.688573, abs=1e-4)
        assert found["c"] / (1 - found["phi_1"] - found["phi_2"]) == pytest.approx(49.746198, rel=5e-3)
        assert found["sigma2"] == pytest.approx(274.727181, rel=5e-4)
        assert 2622.637093 - 2e-3 < 2 * 4 - 2 * fitted.criteria["log_likelihood"] < 2622.637093 + 1e-6

    def test_the_local_level_of_the_nile(self):
        """Durbin & Koopman (2001), chapter 2: variances 15099 and 1469.1.

        The local level is the ARIMA(0,1,1) with theta < 0 whose surprise has the variance sigma2: 15099 = -theta sigma2 and
        1469.1 = (1 + theta)^2 sigma2.  The likelihood is flat along their ratio, so 0.5 %.
        """
        found = of(arima(shipped("nile"), "(0,1,1)"))
        assert -found["theta_1"] * found["sigma2"] == pytest.approx(15099, rel=5e-3)
        assert (1 + found["theta_1"]) ** 2 * found["sigma2"] == pytest.approx(1469.1, rel=5e-3)


class TestETS:
    """R's forecast::ets on the examples of Hyndman & Athanasopoulos (fpp, chapter 7), as printed with 16 digits in the tests of statsmodels
    (exponential_smoothing.R).  ets() leaves the constant n/2 log(2 pi e / n) out of its log-likelihood (Hyndman et al. 2008, p. 69)."""

    def test_holt_winters_additive(self):
        """ets(aust, "AAA", damped = FALSE): loglik -49.1368, sigma2 3.75146.

        R's search stops early at alpha 0.3624, beta 0.0754, gamma 0.6376; so the likelihood may only be better than R's.
        """
        fitted = ets(column(TOURISTS), "AAA", 4)
        n = 24
        loglik = fitted.criteria["log_likelihood"] + n / 2 * np.log(2 * np.pi * np.e / n)
        assert loglik >= -49.1368044772298 - 1e-3
        assert fitted.criteria["sigma2"] <= 3.75145957477554 * 1.001

    def test_holt_winters_at_the_parameters_of_r(self):
        """The same model, given R's estimates: its forecasts and 95 % intervals of the next five quarters, to the digits of the printed
        parameters."""
        estimates = (
            0.362426132365822, 0.0754190455497834, 0.637569422468331, 1.0, 3.75145957477554, 31.6432606420664, 1.00279733904072,
        )  # fmt: skip
        seasons = [2.06807190359294, -2.02733922834511, -9.46732416254387]
        # R's last printed seasonal state is that of the first quarter; the fourth makes them add up to 0.
        first_year = [-sum(seasons), *reversed(seasons)]
        values = column(TOURISTS)
        fitted = Fitted(baseline="ets", form="AAA", name="", season=4, points=24, estimates=(*estimates, *first_year), parameters=())
        made = fitted.forecast(np.concatenate([values, np.zeros(5)]), (24,), 5)
        assert made.values[:, 0] == pytest.approx([61.265394, 37.071790, 46.349754, 50.072010, 63.423666], abs=2e-6)
        assert made.lower[:, 0] == pytest.approx([57.469202, 32.927661, 41.770425, 44.976484, 56.325653], abs=2e-6)

    def test_simple_exponential_smoothing(self):
        """ets(oildata): alpha 0.8921, l 447.4765, sigma2 757.342, loglik -53.5944; forecast 496.491111, first interval 442.553199 to
        550.429022, last but one 358.226690 to 634.755532."""
        fitted = ets(column(OIL), "ANN")
        found = of(fitted)
        assert found["alpha"] == pytest.approx(0.8921, abs=2e-3)
        assert found["l_0"] == pytest.approx(447.4765, abs=0.2)
        assert fitted.criteria["sigma2"] == pytest.approx(757.342048, rel=1e-5)
        assert fitted.criteria["log_likelihood"] + 6 * np.log(2 * np.pi * np.e / 12) == pytest.approx(-53.5944, abs=1e-4)
        made = fitted.forecast(np.concatenate([column(OIL), np.zeros(8)]), (12,), 8)
        assert made.values[:, 0] == pytest.approx(np.full(8, 496.491), abs=0.05)
        assert made.lower[[0, 7], 0] == pytest.approx([442.553199, 358.226690], abs=0.2)
        assert made.upper[[0, 7], 0] == pytest.approx([550.429022, 634.755532], abs=0.2)
