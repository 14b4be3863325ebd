// Package flags answers who may go live: from the configured rollout, or from the app's own flag
// service over the OpenFeature Remote Evaluation Protocol (OFREP).
//
// A question enters through Flags.Decide. The kill switch and the lists of the rollout always
// count; with rollout.ofrep_url the service decides in place of rules and percentage. Its answers
// are kept for some seconds, and when it does not reply a configured answer is given.
//
// Package flags does not know of tokens, broadcasts or stores.
//
// It starts no goroutine: the request that needs an answer fetches it.
package flags
