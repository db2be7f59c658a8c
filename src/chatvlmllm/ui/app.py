"""What Streamlit runs: `chatvlmllm ui`, or `streamlit run` with the path of this file."""

from chatvlmllm.ui import frame

frame.run()
