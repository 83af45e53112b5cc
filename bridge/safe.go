package bridge

import "context"

// Safe is what a room around the bridge may keep sealed, under its own name: a
// few small values that no other room sees.
type Safe struct {
	store Store
	room  string
}

// NewSafe returns the safe of a room.
func NewSafe(store Store, room string) *Safe { return &Safe{store, room} }

func (s *Safe) ref(key string) SecretRef { return SecretRef("room/" + s.room + "/" + key) }

// Get opens a value; what is missing is ErrNotFound.
func (s *Safe) Get(ctx context.Context, key string) (value Secret, err error) {
	err = s.store.View(ctx, func(tx ReadTx) error {
		value, err = tx.Secret(s.ref(key))
		return err
	})
	return value, err
}

// Put seals a value in the place of the one that is there.
func (s *Safe) Put(ctx context.Context, key string, value Secret) error {
	return s.store.Update(ctx, func(tx Tx) error {
		tx.PutSecret(s.ref(key), value)
		return nil
	})
}

// Delete forgets a value, if there is one.
func (s *Safe) Delete(ctx context.Context, key string) error {
	return s.store.Update(ctx, func(tx Tx) error {
		tx.DeleteSecret(s.ref(key))
		return nil
	})
}
