package bridgetest

import (
	"encoding/json"
	"iter"

	"github.com/authbridge/authbridge/bridge"
)

// History yields what the audit log tells of a request as such, oldest first:
// the events of the state table, and nothing of its grant or its tokens.
func History(tx bridge.ReadTx, id bridge.RequestID) iter.Seq2[bridge.AuditLine, error] {
	return func(yield func(bridge.AuditLine, error) bool) {
		for line, err := range Audit(tx) {
			if err == nil && (line.Request != id || line.Version == 0) {
				continue
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

// Audit yields all lines of the audit log, oldest first.
func Audit(tx bridge.ReadTx) iter.Seq2[bridge.AuditLine, error] {
	return func(yield func(bridge.AuditLine, error) bool) {
		for text, err := range tx.AuditLines(0) {
			var e bridge.AuditEntry
			if err == nil {
				err = json.Unmarshal(text.JSON, &e)
			}
			if !yield(e.AuditLine, err) {
				return
			}
		}
	}
}
