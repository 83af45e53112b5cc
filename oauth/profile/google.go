package profile

// google is a client of the type "TVs and Limited Input devices".
func google() Profile {
	return Profile{
		Name:   "google",
		Title:  "Google",
		Issuer: "https://accounts.google.com",
		Endpoints: Endpoints{
			Device:     "https://oauth2.googleapis.com/device/code",
			Token:      "https://oauth2.googleapis.com/token",
			Revocation: "https://oauth2.googleapis.com/revoke",
			Userinfo:   "https://openidconnect.googleapis.com/v1/userinfo",
			Keys:       "https://www.googleapis.com/oauth2/v3/certs",
		},
		Fixed:  true,
		Method: "client_secret_post",
		Secret: SecretNeeded,
		Scopes: []string{"openid", "email"},
		ScopeWords: map[string]string{
			"profile": "see your name and picture",
			"https://www.googleapis.com/auth/drive.file":       "see and change the files in Drive that it made or that you opened with it",
			"https://www.googleapis.com/auth/drive.appdata":    "keep data of its own in your Drive",
			"https://www.googleapis.com/auth/youtube":          "manage your YouTube account",
			"https://www.googleapis.com/auth/youtube.readonly": "see your YouTube account",
		},
		NeedsScope: true,
		Dialect: Dialect{Read: map[string]string{"error_code": "error"}, Scopes: map[string]string{
			"https://www.googleapis.com/auth/userinfo.email":   "email",
			"https://www.googleapis.com/auth/userinfo.profile": "profile",
		}},
		Refresh:    RefreshKept,
		Revocation: Revocation{Reach: ReachUser},
		Proof:      ProofDocumented,
		Sources:    []string{"developers.google.com, OAuth 2.0 for TV and Limited-Input Device Applications"},
		Caveats: []string{
			"The client is of the type \"TVs and Limited Input devices\".",
			"Google gives few scopes to such clients: openid, email, profile, drive.file, drive.appdata and YouTube's; others end in invalid_scope.",
			"While the consent screen is in testing, refresh tokens live for seven days.",
			"To take one token back ends all that this user gave this client, so it is done for a human or the operator only; what an agent gives up lapses within the hour.",
		},
	}
}
