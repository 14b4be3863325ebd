// Package rollout decides who may go live: a pilot group first, then a percentage of all users,
// then everybody. The operator changes a setting, and releases nothing.
//
// A Policy is immutable and pure: the same user gets the same answer on every node and after
// every restart. A higher percentage never takes anyone out, because a user's place among all
// users is a hash of the user's id and a salt.
//
// Package rollout does not know HTTP, tokens, broadcasts or stores: its caller says who the user is,
// and whether the user was let in before.
//
// It starts no goroutine.
package rollout
