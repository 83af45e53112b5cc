package slack

import "context"

// serve does what somebody did.
func (a *Adapter) serve(context.Context, inbound) answer { return answer{} }
