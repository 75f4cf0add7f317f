"""The pages inside Airflow's UI: what happened, what needs a person, why a card lost points."""
