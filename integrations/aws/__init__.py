"""AWS: RDS instances restored beside and put in place by two names, and restore jobs of AWS Backup.

Settings of every target and source: `region`, and if wanted `profile`, `credentials` (the name of a secret
that is a file as `~/.aws/credentials`) and `endpoint`. Without credentials those of the host count, as boto3
finds them. Of `aws-rds` also `instance`. Of `aws-backup` also `vault`; of its sources, if wanted, `resource`
(the ARN of what was backed up); of its targets `role` (the ARN of the role that restores), `name` (what the
name of a restored resource begins with), `name_key` (where in the metadata that name stands, as
`DBInstanceIdentifier`), and `metadata` that replaces what AWS kept.
"""

from integrations.aws.backup import AwsBackup
from integrations.aws.rds import Rds

__all__ = ["AwsBackup", "Rds"]
