-- The eight templates that the release before this column stored, recognised by their words, so
-- that the next `make templates` brings them up to date and keeps only what was edited.
update loyalty.email_templates as platform
set
    shipped_fingerprint = loyalty.template_fingerprint(
        platform.subject, platform.body_html, platform.body_text
    )
where
    platform.shipped_fingerprint is null
    and loyalty.template_fingerprint(
        platform.subject, platform.body_html, platform.body_text
    ) in (
        'ee4afb94457edfcc0d4ec02ff605e179',
        '63c0b681176ed68d3b9c5150e5d45ab7',
        '6ef56cbc9e77e87a9c9850f1a8992a99',
        '0675f8f8f7d1080fbaebb9ab3573ea9e',
        '0b9ed197fbc25b3a5999a0aa81f0059e',
        '0b1dc45fefa3dbb6f4ee42b2d327be1b',
        'd77770d7a162b3fd2ace522efeafbd21',
        '522b9920f90583d393197bc6636433b8'
    );
