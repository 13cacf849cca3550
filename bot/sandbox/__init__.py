"""A local Slack workspace, Jira and PagerDuty, to try everything without accounts."""
