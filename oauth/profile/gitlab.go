package profile

// gitlab is an application at gitlab.com or an installation of one's own.
func gitlab() Profile {
	return Profile{
		Name:   "gitlab",
		Title:  "GitLab, from 17.9",
		Issuer: "https://{host}",
		Endpoints: Endpoints{
			Device:     "https://{host}/oauth/authorize_device",
			Token:      "https://{host}/oauth/token",
			Revocation: "https://{host}/oauth/revoke",
			Userinfo:   "https://{host}/oauth/userinfo",
			Keys:       "https://{host}/oauth/discovery/keys",
		},
		Fixed:  true,
		Scopes: []string{"openid", "profile", "email"},
		ScopeWords: map[string]string{
			"api":                "do everything that you can do through the API",
			"read_api":           "read everything that you can read through the API",
			"read_user":          "read your profile",
			"read_repository":    "read your repositories",
			"write_repository":   "read and write your repositories",
			"read_registry":      "read container images",
			"write_registry":     "write container images",
			"create_runner":      "create runners",
			"manage_runner":      "manage runners",
			"ai_features":        "use GitLab Duo",
			"sudo":               "act as any other user, if you are an administrator",
			"admin_mode":         "act as an administrator, if you are one",
			"read_observability": "read observability data",
		},
		Refresh: RefreshRotates,
		Account: Account{Login: "preferred_username"},
		Proof:   ProofDocumented,
		Sources: []string{"docs.gitlab.com, OAuth 2.0 identity provider API, Device authorization grant flow"},
		Caveats: []string{
			"At gitlab.com, host is gitlab.com. An installation below a path of its host needs the profile generic.",
			"Register the application as one that is not confidential, with the scopes openid, profile and email.",
			"A code lives for five minutes only.",
		},
	}
}
