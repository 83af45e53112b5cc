package profile

// github is an OAuth app at github.com.
func github() Profile {
	p := githubAt("github.com", "https://api.github.com")
	p.Name, p.Title = "github", "GitHub, OAuth app"
	return p
}

// githubEnterprise is an OAuth app at an installation of one's own.
func githubEnterprise() Profile {
	p := githubAt("{host}", "https://{host}/api/v3")
	p.Name, p.Title = "github_enterprise", "GitHub Enterprise Server, OAuth app"
	p.Proof = ProofConstructed
	return p
}

// githubGHE is an OAuth app at a subdomain of ghe.com.
func githubGHE() Profile {
	p := githubAt("{host}", "https://api.{host}")
	p.Name, p.Title = "github_ghe", "GitHub Enterprise Cloud at ghe.com, OAuth app"
	p.Proof = ProofConstructed
	return p
}

// githubApp is a GitHub App at github.com, acting for a user. Its tokens may do
// what the app may and the user may, whatever scopes are asked for.
func githubApp() Profile {
	p := githubAt("github.com", "https://api.github.com")
	p.Name, p.Title = "github_app", "GitHub App, for a user"
	p.ScopeWords, p.Refresh = nil, RefreshRotates
	p.Widens = "everything app {app_name} may do"
	p.Sources = append(p.Sources, "docs.github.com, Refreshing user access tokens")
	p.Caveats = []string{
		"Turn \"Enable Device Flow\" on in the settings of the app.",
		"Scopes mean nothing to it: a token may do all that the app may do where its user has installed it. Give agents default_scopes, or scopes: [\"*\"].",
		"Without client_secret the bridge cannot take tokens back; they live for eight hours, unless the app is set to tokens that do not expire.",
		"It vouches for no e-mail address: give humans.*.accounts the login or id:NUMBER.",
	}
	return p
}

// githubAt is an OAuth app at a host of GitHub's, with its API elsewhere. The
// issuer is what the metadata of GitHub's own resources name; what it publishes
// there says nothing of the device grant. The secret is not sent in a device
// grant: GitHub does not want it there, but it wants it for taking tokens back.
func githubAt(host, api string) Profile {
	return Profile{
		Issuer: "https://" + host + "/login/oauth",
		Endpoints: Endpoints{
			Device: "https://" + host + "/login/device/code",
			Token:  "https://" + host + "/login/oauth/access_token",
		},
		Fixed:      true,
		Method:     "none",
		ScopeWords: githubWords(),
		Refresh:    RefreshNone,
		Revocation: Revocation{Reach: ReachToken, Delete: api + "/applications/{client_id}/token"},
		Account:    Account{URL: api + "/user", Subject: "id", Login: "login"},
		Proof:      ProofDocumented,
		Sources:    []string{"docs.github.com, Authorizing OAuth apps, Device flow", "docs.github.com, REST API endpoints for OAuth authorizations"},
		Caveats: []string{
			"Turn \"Enable Device Flow\" on in the settings of the app.",
			"It is for OAuth apps; the tokens of GitHub Apps go by no scopes.",
			"Its tokens do not expire: without client_secret the bridge cannot take them back.",
			"It keeps a few tokens of a user, app and set of scopes, and drops the oldest.",
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
