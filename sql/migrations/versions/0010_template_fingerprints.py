"""The platform's templates remember what was shipped, so that an operator's edit is seen."""

from include.migrations import run_file

revision = "0010_template_fingerprints"
down_revision = "0008_mail_handover"


def upgrade() -> None:
    for name in ("01_create_function", "02_add_column", "03_recognise_templates"):
        run_file(f"{revision}/{name}.sql")
