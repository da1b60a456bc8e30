"""The page of the benchmark's server: nothing, so that only the stream is measured."""

import streamlit as st

st.write("benchmark")
