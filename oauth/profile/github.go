package profile

// github is an OAuth app at github.com. Its issuer is what the metadata of
// GitHub's own resources name; what it publishes there says nothing of the
// device grant.
func github() Profile {
	return Profile{
		Name:   "github",
		Title:  "GitHub, OAuth app",
		Issuer: "https://github.com/login/oauth",
		Endpoints: Endpoints{
			Device: "https://github.com/login/device/code",
			Token:  "https://github.com/login/oauth/access_token",
		},
		Fixed:      true,
		Method:     "client_secret_post",
		ScopeWords: githubWords(),
		Refresh:    RefreshNone,
		Revocation: Revocation{Reach: ReachToken, Delete: "https://api.github.com/applications/{client_id}/token"},
		Account:    Account{URL: "https://api.github.com/user", Subject: "id", Login: "login"},
		Proof:      ProofDocumented,
		Sources:    []string{"docs.github.com, Authorizing OAuth apps, Device flow", "docs.github.com, REST API endpoints for OAuth authorizations"},
		Caveats: []string{
			"Turn \"Enable Device Flow\" on in the settings of the app.",
			"Its tokens do not expire: without client_secret the bridge cannot take them back.",
			"It keeps at most ten tokens of a user, app and set of scopes, and drops the oldest.",
			"It vouches for no e-mail address: give humans.*.accounts the login or id:NUMBER.",
		},
	}
}

func githubWords() map[string]string {
	return map[string]string{
		"repo":             "read and write all your repositories, private ones too",
		"public_repo":      "read and write your public repositories",
		"repo:status":      "read and write commit statuses, in private repositories too",
		"repo_deployment":  "see and make deployments",
		"workflow":         "change GitHub Actions workflows",
		"gist":             "write gists",
		"notifications":    "read your notifications and mark them as read",
		"read:user":        "read your profile",
		"user:email":       "read your e-mail addresses",
		"user":             "read and change your profile",
		"read:org":         "see your organizations and teams",
		"write:org":        "see and change your membership in organizations",
		"admin:org":        "manage your organizations, their teams and members",
		"read:packages":    "download packages",
		"write:packages":   "publish packages",
		"delete:packages":  "delete packages",
		"delete_repo":      "delete your repositories",
		"admin:repo_hook":  "manage webhooks of your repositories",
		"admin:public_key": "manage your SSH keys",
		"admin:gpg_key":    "manage your GPG keys",
		"project":          "read and change your projects",
		"read:project":     "see your projects",
		"codespace":        "use and manage your codespaces",
		"security_events":  "read and write code scanning alerts",
	}
}
