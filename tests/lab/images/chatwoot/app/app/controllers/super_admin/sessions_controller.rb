# The super administrator's sign-in. Trap: a wrong password is a redirect back to the page, and only the flash tells.
class SuperAdmin::SessionsController < ApplicationController
  def new; end

  def create
    given = params.require(:super_admin)
    admin = SuperAdmin.find_by(email: given[:email].to_s.downcase)
    return redirect_to('/super_admin/sign_in', flash: { error: 'Invalid credentials' }) unless admin&.valid_password?(given[:password].to_s)

    reset_session
    session[:super_admin_id] = admin.id
    redirect_to '/super_admin/users'
  end

  def destroy
    reset_session
    redirect_to '/'
  end
end
