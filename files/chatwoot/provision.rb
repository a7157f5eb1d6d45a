# Chatwoot's own state, as it has to be before anybody can reach it. Run by prepare.sh inside the
# application; every step looks first and changes only what differs. What people made in the
# user interface is left alone.

# The web process reads these rows, never the environment; they exist after db:chatwoot_prepare.
def configure(name, value)
  row = InstallationConfig.find_or_initialize_by(name: name)
  return if row.persisted? && row.value == value

  row.value = value
  row.save!
  puts "provision: set #{name}"
end

configure('INSTALLATION_NAME', ENV.fetch('BORGSTACK_INSTALLATION_NAME'))
# The string: with the seeded boolean the sign-up endpoints stay open.
configure('ENABLE_ACCOUNT_SIGNUP', 'false')

email = ENV.fetch('BORGSTACK_ADMIN_EMAIL').downcase
admin = User.find_by(email: email)
if admin.nil?
  admin = User.new(name: ENV.fetch('BORGSTACK_ADMIN_NAME'), email: email,
                   password: ENV.fetch('CHATWOOT_ADMIN_PASSWORD'), type: 'SuperAdmin')
  admin.skip_confirmation!
  admin.save!
  puts 'provision: created the administrator'
end

account = admin.account_users.first&.account || Account.first
if account.nil?
  account = Account.create!(name: ENV.fetch('BORGSTACK_ACCOUNT_NAME'))
  puts "provision: created account #{account.id}"
end
unless AccountUser.exists?(account_id: account.id, user_id: admin.id)
  AccountUser.create!(account_id: account.id, user_id: admin.id, role: :administrator)
  puts 'provision: made the administrator an administrator of the account'
end

# Declared, not read back: so n8n and the checks know it before Chatwoot does.
token = ENV.fetch('CHATWOOT_API_TOKEN')
if admin.access_token.token != token
  admin.access_token.update!(token: token)
  puts 'provision: wrote the API token'
end

# While the flag stands, "/" offers a stranger to become super administrator.
if Redis::Alfred.get(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING)
  Redis::Alfred.delete(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING)
  puts 'provision: closed onboarding'
end
