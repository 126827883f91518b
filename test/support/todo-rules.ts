/**
 * Rules of a to-do list as an app would bring them, for the users of the AuthZEN interoperability
 * scenario: who may read, make, change and delete what.
 */
export const todoRules = {
  schema: `
entity user = { email?: String, roles?: Set<String> };
entity todo = { ownerID?: String };
action can_read_user appliesTo { principal: user, resource: user };
action can_read_todos, can_create_todo, can_update_todo, can_delete_todo
  appliesTo { principal: user, resource: todo };
`,
  policies: `
@id("everybody-reads")
permit (principal is user, action in [Action::"can_read_user", Action::"can_read_todos"], resource);

@id("editors-write")
permit (principal is user, action == Action::"can_create_todo", resource)
when { principal has roles && principal.roles.containsAny(["admin", "editor"]) };

@id("own-todos")
permit (
  principal is user,
  action in [Action::"can_update_todo", Action::"can_delete_todo"],
  resource is todo
)
when {
  principal has roles && principal.roles.contains("editor") &&
  principal has email && resource has ownerID && resource.ownerID == principal.email
};

@id("evil-genius-changes-all")
permit (principal is user, action == Action::"can_update_todo", resource)
when { principal has roles && principal.roles.contains("evil_genius") };

@id("admins-delete-all")
permit (principal is user, action == Action::"can_delete_todo", resource)
when { principal has roles && principal.roles.contains("admin") };
`,
  entities: [
    user('CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'rick@the-citadel.com', [
      'admin',
      'evil_genius',
    ]),
    user('CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'morty@the-citadel.com', [
      'editor',
    ]),
    user('CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'summer@the-smiths.com', [
      'editor',
    ]),
    user('CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'beth@the-smiths.com', [
      'viewer',
    ]),
    user('CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs', 'jerry@the-smiths.com', [
      'viewer',
    ]),
  ],
}

function user(id: string, email: string, roles: readonly string[]) {
  return { type: 'user', id, properties: { email, roles: [...roles] } }
}

export const [rick, morty, summer, beth] = todoRules.entities.map(({ id }) => id)
