package profile

// salesforce is a connected app. Its device step is a request to the token
// endpoint, and its polls have names of their own.
func salesforce() Profile {
	return Profile{
		Name: "salesforce", Title: "Salesforce",
		Issuer: "https://{host}",
		Endpoints: Endpoints{
			Device:     "https://{host}/services/oauth2/token",
			Token:      "https://{host}/services/oauth2/token",
			Revocation: "https://{host}/services/oauth2/revoke",
			Userinfo:   "https://{host}/services/oauth2/userinfo",
			Keys:       "https://{host}/id/keys",
		},
		Fixed:  true,
		Scopes: []string{"openid", "refresh_token"},
		ScopeWords: map[string]string{
			"api":     "do what you can do through the API",
			"full":    "do everything that you can do",
			"chatter": "read and write Chatter as you",
			"web":     "open Salesforce in a browser as you",
		},
		OmitResource: true,
		Dialect:      Dialect{Grant: "device", ResponseType: "device_code", Sent: map[string]string{"device_code": "code"}},
		Refresh:      RefreshKept,
		Proof:        ProofConstructed,
		Sources:      []string{"put together from what is generally known of Salesforce"},
		Caveats: []string{
			"host is login.salesforce.com, test.salesforce.com, or your My Domain; people have to sign in at the same one.",
			"Turn on \"Enable for Device Flow\" in the connected app; an administrator may have to allow the flow for the org.",
			"It does not say how long codes and tokens live: a code counts for five minutes, a token for as long as it works.",
		},
	}
}
